"use strict";
// Before anything is shown, lest colours flash.
try {
  document.documentElement.dataset.theme = localStorage.getItem("latentlab-theme") || "auto";
} catch (error) {
  document.documentElement.dataset.theme = "auto"; // a file may have no storage
}
