using LoraSharp.Data;

namespace LoraSharp.Training;

/// <summary>Rows to evaluate on.</summary>
/// <param name="Name">What the metrics' names hold besides <c>eval_</c>; null for an only set.</param>
/// <param name="Rows">The rows.</param>
internal sealed record EvalSet(string? Name, IReadOnlyList<TokenizedRow> Rows);
