"""A trainer's definition as data: what it reads, its digest, its job. Nothing here launches anything or asks AWS."""
