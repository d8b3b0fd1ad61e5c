/** The login page by script: a button that shows the password while it is typed. */

const field = document.querySelector("#password");
const button = document.querySelector("[data-part=reveal]");

button.hidden = false;
button.addEventListener("click", () => {
  const isShown = field.type === "text";
  field.type = isShown ? "password" : "text";
  button.textContent = isShown ? "Show" : "Hide";
  button.setAttribute("aria-pressed", String(!isShown));
  field.focus();
});
field.form.addEventListener("submit", () => {
  field.type = "password"; // browsers do not offer to remember a plain text field
});
