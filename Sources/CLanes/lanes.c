// The functions are in the header: they only pay inline.
#include "clanes.h"
