function insert(node, key) {
  if (!node) return { key, left: null, right: null };
  if (key < node.key) node.left = insert(node.left, key);
  else if (key > node.key) node.right = insert(node.right, key);
  return node;
}
function depth(node) { return node ? 1 + Math.max(depth(node.left), depth(node.right)) : 0; }
function bench() {
  let root = null, seed = 7;
  for (let i = 0; i < 3000; i++) root = insert(root, (seed = (seed * 1103515245 + 12345) & 0x7fffffff));
  return depth(root);
}
