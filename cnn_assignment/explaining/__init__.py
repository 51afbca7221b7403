"""Why a mark was lost: misconceptions, symptoms, patterns among cases, and exceptions in words."""
