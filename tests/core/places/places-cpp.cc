// SPDX-License-Identifier: LGPL-2.1-or-later
// What C++ adds: namespaces, arguments, members, lambdas.
#include "places.h"

#include <string>

namespace places
{

struct Keeper
{
  __attribute__ ((noinline)) void *keep (PlacesCapture capture, int times);
};

void *
Keeper::keep (PlacesCapture capture, int times)
{
  PLACES_RETURN (times > 0 ? capture () : nullptr); // at: member
}

template <typename T>
static inline __attribute__ ((always_inline)) void *
inlined (PlacesCapture capture, const T &)
{
  return capture (); // at: template
}

} // namespace places

extern "C" void *
places_member (PlacesCapture capture)
{
  PLACES_RETURN (places::Keeper ().keep (capture, 1));
}

extern "C" void *
places_template (PlacesCapture capture)
{
  PLACES_RETURN (places::inlined (capture, std::string ("text"))); // at: calls template
}

extern "C" void *
places_lambda (PlacesCapture capture)
{
  auto lambda = [] (PlacesCapture inner) __attribute__ ((noinline)) -> void * {
    PLACES_RETURN (inner ()); // at: lambda
  };

  PLACES_RETURN (lambda (capture));
}
