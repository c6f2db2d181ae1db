/* What commands print on stdout: JSON lines, or text made printable. */
#ifndef SOTTO_OUT_H
#define SOTTO_OUT_H

#include <jansson.h>
#include <stdint.h>

#include "buf.h"

/* One JSON line; pure ASCII on a terminal, so that no peer's character gets
 * there raw. Takes NULL as null. */
void out_json(const json_t *o);
/* A string member of o; "" when there is none. */
const char *out_member(const json_t *o, const char *name);
/* Peers' text as one printable line; heap. */
char *out_line(const char *text);
/* Text in a column of that many cells, and a space. */
void out_column(const char *text, int cells);
/* The width in cells of text once printable. */
int out_width(const char *text);

/* Appends a message as people read it: "TIME NAME: TEXT", further lines of
 * text indented, so that no text can look like another message. */
void out_message(struct buf *out, json_int_t ms, const char *name,
		 const char *text);
/* A message object of the API on stdout; one's own is from "me". */
void out_message_object(const json_t *m);

#endif
