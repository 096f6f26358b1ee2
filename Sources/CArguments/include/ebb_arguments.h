#ifndef EBB_ARGUMENTS_H
#define EBB_ARGUMENTS_H

/// How many arguments this process was started with, its name among them; 0 where that is not known
/// before main.
int ebb_argument_count(void);

/// One of them, from 0; it lives as long as the process.
const char *ebb_argument(int index);

#endif
