#pragma once
/* The farm's fingerprint, for announcements: whoever proves himself by other credentials is of another farm, whatever it is called. */
struct trust;

enum {
	FARM_PRINT = 33 /* with its NUL */
};

/* Of a farm with certificates 32 hexadecimal digits of its authority's fingerprint, with a key the 16 that name it; "" where
 * there is neither. */
void farm_print(const struct trust *, char out[FARM_PRINT]);
