#pragma once
/* The worker by the name of distccd: distccd(1)'s command line, its ways to start and its exit statuses. */
int distccd_main(char *const argv[]);
