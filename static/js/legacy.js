/* For browsers without ES modules: the plain picture. Old syntax on purpose. */
(function () {
  var root = document.querySelector('[data-part="player"]');
  var image = document.createElement("img");
  image.className = "screen";
  image.alt = "Live picture";
  image.src = root.getAttribute("data-plain-feed");
  root.insertBefore(image, root.firstChild);
})();
