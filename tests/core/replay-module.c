/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A module with one function, whose code is the same however it is built, and whose unwind table is not:
 * FRAME says where it has the function's frame end. With 32 that is so; with 16 the caller is what the
 * argument word says.
 */
#ifndef FRAME
  #define FRAME "32"
#endif

__asm__(".text\n"
        ".globl through_module\n"
        ".type through_module, @function\n"
        "through_module:\n"
        "  .cfi_startproc\n"
        "  sub $24, %rsp\n"
        "  .cfi_def_cfa_offset " FRAME "\n"
        "  mov %rsi, 8(%rsp)\n"
        "  call *%rdi\n"
        "  add $24, %rsp\n"
        "  .cfi_def_cfa_offset 8\n"
        "  ret\n"
        "  .cfi_endproc\n"
        ".size through_module, . - through_module\n");
