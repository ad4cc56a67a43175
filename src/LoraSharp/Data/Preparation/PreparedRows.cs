namespace LoraSharp.Data;

/// <summary>Rows that are ready to train on, and what the options came to.</summary>
/// <param name="Rows">The rows; none when everything was dropped.</param>
/// <param name="CompletionOnly">Whether completion masks were applied.</param>
/// <param name="Dropped">Rows that were left out because nothing to learn was left of them within the maximal length.</param>
internal sealed record PreparedRows(IReadOnlyList<TokenizedRow> Rows, bool CompletionOnly, int Dropped)
{
    /// <summary>The rows; an error where there is none.</summary>
    /// <exception cref="InvalidDataException">All rows were dropped.</exception>
    public IReadOnlyList<TokenizedRow> RequireRows() => Rows.Count > 0
        ? Rows
        : throw new InvalidDataException(
            $"Nothing to train on is left: all {Dropped} rows have nothing to learn within the maximal length. Raise it, or shorten the prompts.");
}
