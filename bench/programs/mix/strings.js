function bench() {
  let s = "";
  for (let i = 0; i < 30000; i++) s += String.fromCharCode(97 + (i % 26));
  const words = s.split("e");
  let n = 0;
  for (const w of words) n += w.toUpperCase().indexOf("Z") + w.slice(1, 5).length;
  for (let i = 0; i < s.length; i++) n += s.charCodeAt(i);
  return n + words.join("-").length;
}
