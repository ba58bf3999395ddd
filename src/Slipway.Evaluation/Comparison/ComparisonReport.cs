using System.Text.Json.Nodes;
using Slipway.Evaluation.Statistics;

namespace Slipway.Evaluation.Comparison;

/// <summary>Holds several packages side by side.</summary>
/// <param name="Packages">The packages, in the order they were named in.</param>
/// <param name="Elapsed">The time that this run took.</param>
public sealed record ComparisonReport(IReadOnlyList<ComparedPackage> Packages, TimeSpan Elapsed);

/// <summary>Holds what was measured of a package.</summary>
/// <param name="Name">The package's name, which no other of the report has.</param>
/// <param name="Path">The package's folder.</param>
/// <param name="Bytes">Bytes of the package's files.</param>
/// <param name="Provenance">Model and template by their hashes, and the versions.</param>
/// <param name="Scores">What was measured; the same measures in the same order for every package.</param>
public sealed record ComparedPackage(
    string Name, string Path, long Bytes, JsonObject Provenance, IReadOnlyList<ComparedScore> Scores);

/// <summary>Holds a measure of a package.</summary>
/// <param name="Source">The task that it is a score of, <c>text</c> or <c>speed</c>.</param>
/// <param name="Name">The measure.</param>
/// <param name="HigherIsBetter">Whether more of it is better.</param>
/// <param name="Estimate">The value and its interval.</param>
public sealed record ComparedScore(string Source, string Name, bool HigherIsBetter, Estimate Estimate);

/// <summary>Tells how far a comparison is.</summary>
/// <param name="Done">Steps done: windows, items and rounds of all packages.</param>
/// <param name="Steps">All steps.</param>
/// <param name="Current">What is being measured.</param>
public sealed record ComparisonProgress(int Done, int Steps, string Current);
