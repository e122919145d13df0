"""Let scikit-learn look once at the libraries that are loaded, before any child exists.

Its clustering limits the threads of these libraries, for which it reads /proc/self/maps. Children
cannot read that, but they inherit what was found.
"""

import numpy as np
from sklearn.cluster import KMeans

KMeans(1, n_init=1, random_state=0).fit(np.zeros((2, 1)))
