#pragma once

/* The keeper's log: what it and the programs that it starts say on standard error, appended to a file in the agent's folder. It never
 * has more than KEEPERLOG_MAX bytes and a line: then it becomes FILE.1, of which there is one, and a new one begins. Several keepers
 * may have the same file. */
enum {
	KEEPERLOG_MAX = 1 << 20
};

/* Standard error is the file PATH, and lines (base/log) are written there, of NAME. The file that cannot be opened: they are lost. */
void keeperlog_open(const char *path, const char *name);
