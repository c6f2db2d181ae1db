/* What keys do. */
#ifndef SOTTO_INPUT_H
#define SOTTO_INPUT_H

#include "app.h"

void input_key(struct app *a, const struct key *k);
/* After the keys of one turn. */
void input_flush(struct app *a);
/* Takes what was pasted when the end of the paste got lost. */
void input_paste_lost(struct app *a);

#endif
