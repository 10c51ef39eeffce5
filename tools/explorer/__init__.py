"""The page of `latentlab explore`: a point of a model's latent space (`point`), what is drawn there (`artist`), and how
a browser asks for it (`server`)."""
