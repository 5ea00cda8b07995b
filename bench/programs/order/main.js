(function (input) {
  const lines = input.items.map((item) => ({
    sku: item.sku,
    qty: item.qty,
    amount: Math.round(item.qty * item.price * 100) / 100,
  }));
  const sum = lines.reduce((total, line) => total + line.amount, 0);
  const off = input.coupon && input.coupon.startsWith("SAVE") ? sum * (parseInt(input.coupon.slice(4), 10) / 100) : 0;
  const tax = (sum - off) * 0.19;
  const top = [...lines].sort((a, b) => b.amount - a.amount)[0];
  return {
    orderId: input.orderId,
    customer: input.customer.name.toUpperCase(),
    lines,
    sum,
    off,
    tax,
    total: Math.round((sum - off + tax) * 100) / 100,
    top: top.sku,
    tags: input.customer.vip ? ["vip", "coupon"] : [],
  };
})
