#pragma once
#include <stddef.h>
#include <stdint.h>
/* CRC-32C (Castagnoli; RFC 3720, appendix B.4), going on from CRC (0 to begin). */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);
