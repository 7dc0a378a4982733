// A page that shows the same whatever the filter is: its header, where another filter leads to the list.

import { leadTo } from "./address.js";
import { beginFilter } from "./filter.js";
import { beginKeys } from "./keys.js";

leadTo("/calls");
beginFilter();
beginKeys();
