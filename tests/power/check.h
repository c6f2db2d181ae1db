/* Checks that a RocksDB store agrees with itself. */
#ifndef SOTTO_CHECK_H
#define SOTTO_CHECK_H

/* store: what store_rocks.open gave. Prints a line "bad ..." for each finding;
 * how many there are. Nothing else may use the store meanwhile. */
unsigned check_store(void *store);

#endif
