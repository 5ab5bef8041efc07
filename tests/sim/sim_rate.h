#pragma once
/* Measures decisions a second and the memory of the farm alone; prints them. */
int sim_rate(void);
