// Package span proves a contiguous range of the state tree: every row whose key
// begins with a prefix, and that there are no others.
//
// A proof of one key shows that key, or its two neighbours. A span shows the
// whole range at once, as the part of the tree that holds it, and costs a few
// bytes a row besides its key and value. What lies outside is cut off: all but
// the two leaves next to the range, which show that nothing is missing at its
// ends.
//
//	            branch
//	      ┌───────┴────────┐
//	   branch            branch
//	  ┌───┴───┐        ┌───┴───┐
//	stub    edge     inner    branch
//	                ┌──┴──┐   ┌──┴──┐
//	              leaf  leaf edge  stub
//
// # Form
//
// Nodes in pre-order: a node, its left subtree, its right subtree. Each begins
// with a byte that says what it is. uvarint is that of encoding/binary; bytes is
// a uvarint of the length, and the bytes.
//
//	0 stub    hash (32)                                a subtree outside the range
//	1 kept    hash (32)                                a subtree inside, which the base holds; only in a delta
//	2 edge    age, bytes(key), SHA-256 of value (32)   the leaf next to the range, on either side
//	3 branch  age, height (1), uvarint(size)           an inner node with leaves outside the range
//	4 leaf    age, bytes(key after the prefix), bytes(value)
//	5 inner   age                                      an inner node with all its leaves inside
//
// age is a uvarint: by how much the version of a node is lower than that of its
// parent, which is never younger; of the root it is the version itself. Height
// and size of an inner node follow from its children.
//
// There is one span for a tree and a prefix: an edge wherever there is a leaf
// beside the range, stubs as large as they can be, nothing else.
//
// # What is checked
//
// The hashes of the nodes lead to the root that the reader demands, so every
// byte counts. From left to right there are stubs, then the left edge, leaves in
// ascending order, the right edge, stubs; stubs only behind an edge. The keys of
// a state tree ascend, which those who signed its root answer for; so between
// two leaves that are next to each other there is nothing.
//
// # Delta
//
// A node of the tree never changes: one whose version is not above the base's is
// in the base. A delta is the span of the newer tree in which the largest such
// subtrees inside the range are kept nodes. [Tree.Apply] puts them back, and the
// result is the span that would have been read whole, byte for byte.
package span
