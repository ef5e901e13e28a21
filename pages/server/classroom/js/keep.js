// Hands the token to the server, which keeps it in a cookie that scripts cannot read; without one, has it deleted.
// Then the page is opened anew: a session learns who it is from the cookies with which it begins.

export default function ({ data, parentElement }) {
  const { token, base, to, code } = data; // `code`: the parameter that has done its work
  const leave = token === null;
  fetch(`${base}/classroom/session`, {
    method: leave ? "DELETE" : "POST",
    headers: { "X-Classroom": "1", "Content-Type": "application/json" },
    body: leave ? undefined : JSON.stringify({ token }),
  }).then((answer) => {
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const there = new URL(to ?? location.href, location.href);
    there.searchParams.delete(code);
    location.replace(there);
  }).catch((error) => {
    parentElement.querySelector("span").textContent = `This did not work (${error.message}). Reload the page.`;
  });
}
