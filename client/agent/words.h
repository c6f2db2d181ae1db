/* Text as the search index has it: CJK runs become pairs of characters, since the
 * tokenizer takes a run for one word. */
#ifndef SOTTO_WORDS_H
#define SOTTO_WORDS_H

#include <stdbool.h>

#include "buf.h"

enum { WORDS_QUERY_MAX = 1024, WORDS_TERMS_MAX = 64 };	/* bytes, terms */

/* What to index for text, on the heap, or NULL when that is text itself. In NFKC;
 * the run ABC becomes "AB BC C". */
char *words_index(const char *text) must_check;
/* An FTS4 query for all the words (separated by white space; '*' at the end for
 * a prefix), appended without a NUL. ERR_FORMAT when there is no letter or
 * digit, ERR_TOO_BIG. */
int words_query(const char *words, struct buf *out) must_check;

#endif
