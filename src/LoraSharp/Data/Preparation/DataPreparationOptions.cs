namespace LoraSharp.Data;

/// <summary>How a trainer prepares its rows: with how many threads, and whether it keeps the tokens for the next run.</summary>
public sealed record DataPreparationOptions
{
    /// <summary>How many threads tokenise; null (default): one for each processor. The order of the rows does not depend on it.</summary>
    public int? Workers { get; init; }

    /// <summary>
    /// Keeps the prepared rows in a file of this folder, takes them from there the next time, and reads them from there during training, so that they need not fit into memory.
    /// Default: null, nothing is kept. A file is named by the rows' content, the tokenizer with its chat template, and the options; a damaged one is made anew; none is ever
    /// deleted. A chat template that writes the current date keeps the date of the first run.
    /// </summary>
    public string? CacheFolder { get; init; }

    /// <summary>Told how many rows are tokenised; null: nobody is.</summary>
    public IProgress<int>? Progress { get; init; }

    /// <summary>Says what is out of range.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public void Validate()
    {
        OrderedWork.RequireWorkers(Workers, nameof(Workers));
        if (CacheFolder is { Length: 0 })
        {
            throw new ArgumentException($"{nameof(CacheFolder)} is empty; name a folder, or give null for no cache.");
        }
    }
}
