#pragma once
struct err;
/* Fills the folder DIR, made if need be, with links to muster-cc for the compilers of this machine, as `muster links` does. */
int links_fill(const char *dir, struct err *);
