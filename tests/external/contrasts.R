# Reference results for models of contrasts, from lme4 and metafor.
#
# Simulates data/contrasts.csv and writes contrasts.json beside it:
#     Rscript tests/external/contrasts.R
# Set CONTRASTS_OUT=<folder> to write elsewhere and compare.

suppressMessages({library(lme4); library(metafor); library(jsonlite)})

here <- function() {
  file <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
  normalizePath(dirname(file))
}
out <- Sys.getenv("CONTRASTS_OUT", here())
dir.create(file.path(out, "data"), showWarnings = FALSE, recursive = TRUE)

seed <- 20261121
set.seed(seed)
true <- list(alpha = -0.5, tau = 1.2, delta_warning = -1.0, delta_pressure = 0.6,
             tau_delta = 0.7, kappa = 0.35)

# 24 studies: a baseline, one or two arms with a warning, one with pressure, and in every third
# study an arm that has both, so that some chains have two steps.
rows <- list()
for (s in 1:24) {
  m <- rnorm(1, true$alpha, true$tau)
  effect <- c(warning = rnorm(1, true$delta_warning, true$tau_delta),
              pressure = rnorm(1, true$delta_pressure, true$tau_delta))
  arms <- data.frame(arm = c("base", "warned", "pressed"), warning = c(0, 1, 0),
                     pressure = c(0, 0, 1), against = c("", "base", "base"))
  if (s %% 2 == 0)
    arms <- rbind(arms, data.frame(arm = "warned2", warning = 1, pressure = 0, against = "base"))
  if (s %% 3 == 0)
    arms <- rbind(arms, data.frame(arm = "both", warning = 1, pressure = 1, against = "pressed"))
  eta <- m + arms$warning * effect["warning"] + arms$pressure * effect["pressure"] +
    rnorm(nrow(arms), 0, true$kappa)
  n <- sample(60:300, nrow(arms), replace = TRUE)
  rows[[s]] <- data.frame(study = sprintf("study%02d", s), arms, n = n,
                          events = rbinom(nrow(arms), n, plogis(eta)))
}
data <- do.call(rbind, rows)
data$arm <- paste(data$study, data$arm, sep = ":")
data$against <- ifelse(data$against == "", "", paste(data$study, data$against, sep = ":"))
write.csv(data, file.path(out, "data", "contrasts.csv"), row.names = FALSE, quote = FALSE)

# The deviations of both interventions have one variance: a multiple-membership term, written as
# two columns of a model matrix whose random effects share it.
long <- data
long$unit <- interaction(long$study, long$arm, drop = TRUE)
for (k in c("warning", "pressure")) long[[paste0("cell_", k)]] <- factor(long$study)
parsed <- glFormula(cbind(events, n - events) ~ warning + pressure + (1 | study) +
                      (0 + warning | cell_warning) + (0 + pressure | cell_pressure) + (1 | unit),
                    data = long, family = binomial)
devfun <- do.call(mkGlmerDevfun, parsed)
optimizeGlmer(devfun, optimizer = "bobyqa")
devfun <- updateGlmerDevfun(devfun, parsed$reTrms)
# Order of the terms, for the constraint that both interventions share their sd.
terms <- names(parsed$reTrms$cnms)
share <- function(par) {
  theta <- setNames(numeric(length(terms)), terms)
  theta[["unit"]] <- par[1]
  theta[["study"]] <- par[2]
  theta[["cell_warning"]] <- theta[["cell_pressure"]] <- par[3]
  devfun(c(theta[terms], par[4:6]))
}
start <- c(0.35, 1.2, 0.7, -0.5, -1, 0.6)
fit <- optim(start, share, method = "L-BFGS-B", lower = c(0, 0, 0, -Inf, -Inf, -Inf),
             control = list(factr = 1e5, maxit = 500))
stopifnot(fit$convergence == 0)
hessian <- optimHess(fit$par, share)
se <- sqrt(diag(solve(hessian / 2)))
names(fit$par) <- names(se) <- c("kappa", "tau", "tau_delta", "alpha", "delta_warning",
                                 "delta_pressure")

# metafor on log odds ratios against the baseline, with their known covariance: the two-step
# normal approximation. Arms with both interventions have both as covariates.
base <- data[data$against == "", ]
treated <- data[data$against != "", ]
at <- match(treated$study, base$study)
yi <- qlogis((treated$events + 0.5) / (treated$n + 1)) -
  qlogis((base$events[at] + 0.5) / (base$n[at] + 1))
v <- function(d) 1 / (d$events + 0.5) + 1 / (d$n - d$events + 0.5)
V <- diag(v(treated)) + outer(treated$study, treated$study, "==") * v(base)[at]
treated$obs <- seq_len(nrow(treated))
rma <- rma.mv(yi, V, mods = ~ 0 + warning + pressure, data = treated, method = "ML",
              random = list(~ 1 | obs, ~ 0 + warning | study, ~ 0 + pressure | study),
              struct = c("GEN", "GEN"))

digest <- function(path) unname(tools::md5sum(path))
result <- list(
  versions = list(R = paste(R.version$major, R.version$minor, sep = "."),
                  lme4 = as.character(packageVersion("lme4")),
                  metafor = as.character(packageVersion("metafor"))),
  seed = seed, true = true, data_md5 = digest(file.path(out, "data", "contrasts.csv")),
  lme4 = list(estimate = as.list(fit$par), se = as.list(se)),
  metafor = list(estimate = list(delta_warning = rma$beta[["warning", 1]],
                                 delta_pressure = rma$beta[["pressure", 1]]),
                 se = list(delta_warning = rma$se[1], delta_pressure = rma$se[2])))
write_json(result, file.path(out, "contrasts.json"), auto_unbox = TRUE, digits = 8, pretty = TRUE)
print(str(result))
