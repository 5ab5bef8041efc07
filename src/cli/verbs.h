#pragma once
#include <stddef.h>
/* Each runs one verb of `muster` and returns its exit status. argv[0] is the verb's name. */
int verb_cc(int argc, char **argv);
int verb_distcc(int argc, char **argv);
int verb_doctor(int argc, char **argv);
int verb_drain(int argc, char **argv);
int verb_down(int argc, char **argv);
int verb_explain(int argc, char **argv);
int verb_gethost(int argc, char **argv);
int verb_hosts(int argc, char **argv);
int verb_farm(int argc, char **argv);
int verb_join(int argc, char **argv);
int verb_key(int argc, char **argv);
int verb_links(int argc, char **argv);
int verb_lsdistcc(int argc, char **argv);
int verb_mesos(int argc, char **argv);
int verb_monitor(int argc, char **argv);
int verb_pump(int argc, char **argv);
int verb_shell(int argc, char **argv);
int verb_revoke(int argc, char **argv);
int verb_run(int argc, char **argv);
int verb_status(int argc, char **argv);
int verb_stop(int argc, char **argv);
int verb_up(int argc, char **argv);
int verb_undrain(int argc, char **argv);
/* The name of the Ith verb, as --help lists them; NULL behind the last. */
const char *verb_name(size_t i);
/* TEXT for who asked by --help alone (0), else on standard error for who went wrong (2). */
int verb_usage(const char *text, int argc, char **argv);
