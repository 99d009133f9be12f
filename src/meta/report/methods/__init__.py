"""The methods page: models, priors, checks, estimands and objections, from what is in force."""
