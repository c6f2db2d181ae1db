/* Named points at which a test build kills the process, to show that nothing is
 * lost there. In other builds they are nothing.
 *
 * make FAULTS=1: SOTTO_FAULT=NAME:N in the environment raises SIGKILL at the
 * N-th pass of the point NAME. */
#ifndef SOTTO_FAULT_H
#define SOTTO_FAULT_H

#ifdef SOTTO_FAULTS
void fault_point(const char *name);
#else
#define fault_point(name) ((void)0)
#endif

#endif
