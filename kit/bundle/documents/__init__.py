"""What is in a bundle beside wheels: configuration, golden pictures, SBOM, licences."""
