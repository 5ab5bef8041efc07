#pragma once
#include <stdbool.h>
/* True when NAME (without folders) is what C and C++ compilers are called: cc, c++, gcc-12, clang++-14,
 * TRIPLET-gcc, TRIPLET-g++-12, … Not: cpp, gcc-ar, clang-tidy, c++filt. */
bool compiler_name_is(const char *name);
