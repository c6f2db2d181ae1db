/* Envelopes that were settled, so that one which comes again is only
 * acknowledged. */
#ifndef SOTTO_RECEIVED_H
#define SOTTO_RECEIVED_H

#include <stdbool.h>
#include <stdint.h>

#include "db.h"
#include "frame.h"

enum { RECEIVED_DAYS = 30 };	/* kept; far beyond any relay's retention */

int received_known(struct db *db, const uint8_t id[static ENVELOPE_ID_LEN],
		   bool *known) must_check;
/* In a transaction. */
int received_add(struct db *db, const uint8_t id[static ENVELOPE_ID_LEN],
		 uint64_t now_ms) must_check;
int received_prune(struct db *db, uint64_t now_ms) must_check;

#endif
