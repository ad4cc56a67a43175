namespace LoraSharp.Data;

/// <summary>A row that is ready to train on.</summary>
/// <param name="InputIds">The tokens.</param>
/// <param name="Labels">As long as the tokens: what is learned at each place, or <see cref="Ignored"/>.</param>
/// <param name="SequenceLengths">
/// Lengths of the documents that were packed into this row, in order, which must not see each other; null for a row of one document.
/// </param>
internal sealed record TokenizedRow(int[] InputIds, int[] Labels, int[]? SequenceLengths = null)
{
    /// <summary>The label of a place that is not learned.</summary>
    public const int Ignored = -100;

    public int Length => InputIds.Length;

    public bool HasLabels => Array.Exists(Labels, label => label != Ignored);

    /// <summary>A part of a row of one document.</summary>
    public TokenizedRow Slice(Range range) => new(InputIds[range], Labels[range]);
}
