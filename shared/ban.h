/* Functions that are not used here, and why nobody need remember it: including
 * this first makes them errors. */
#ifndef SOTTO_BAN_H
#define SOTTO_BAN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* With _FORTIFY_SOURCE and clang, glibc has macros of these names. */
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat sprintf vsprintf strtok gmtime localtime

#endif
