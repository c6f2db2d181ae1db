/* Named points at which a test build kills the process, to show that nothing is
 * lost there. In other builds they are nothing.
 *
 * make FAULTS=1: the process ends by SIGKILL at the N-th pass of the point NAME,
 * where the order "NAME:N" is $SOTTO_FAULT, or is found in the file
 * $SOTTO_FAULT_FILE at any point: a process without an order takes the file away,
 * whoever started it and when. Before it dies it appends NAME and a newline to
 * $SOTTO_FAULT_LOG. */
#ifndef SOTTO_FAULT_H
#define SOTTO_FAULT_H

#ifdef SOTTO_FAULTS
void fault_point(const char *name);
#else
#define fault_point(name) ((void)0)
#endif

#endif
