/* The records of the file ldt. */
#ifndef PFS_SOLARIS_SYS_SYSI86_H
#define PFS_SOLARIS_SYS_SYSI86_H

struct ssd {
	unsigned int sel;
	unsigned int bo;
	unsigned int ls;
	unsigned int acc1;
	unsigned int acc2;
};

#endif
