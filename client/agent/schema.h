/* The tables of the account's database, as a numbered array of migrations. */
#ifndef SOTTO_SCHEMA_H
#define SOTTO_SCHEMA_H

/* schema_migrations[n] brings a database of version n to n + 1. */
extern const char *const schema_migrations[];
extern const int schema_version;

#endif
