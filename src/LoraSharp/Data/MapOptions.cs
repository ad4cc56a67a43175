namespace LoraSharp.Data;

/// <summary>How <see cref="Dataset.Map{T}(Func{DataRow, T}, MapOptions?, CancellationToken)"/> and <see cref="Dataset.Filter"/> work.</summary>
public sealed record MapOptions
{
    /// <summary>How many threads call the function; null: one for each processor. Default: 1, for functions that may not be called from several threads. The order of the rows does not depend on it.</summary>
    public int? Workers { get; init; } = 1;

    /// <summary>Told how many rows are done; null: nobody is.</summary>
    public IProgress<int>? Progress { get; init; }

    /// <summary>Keeps the result in a file of this folder and takes it from there the next time, when the rows are the same; needs <see cref="CacheKey"/>. Default: null, nothing is kept.</summary>
    public string? CacheFolder { get; init; }

    /// <summary>A name of what the function does, such as "prompt-v2": change it whenever the function changes, since code cannot be compared.</summary>
    public string? CacheKey { get; init; }

    internal void Validate()
    {
        OrderedWork.RequireWorkers(Workers, nameof(Workers));
        if (CacheFolder is null != CacheKey is null)
        {
            throw new ArgumentException($"{nameof(CacheFolder)} and {nameof(CacheKey)} belong together: the one says where results are kept, the other which function made them.");
        }
    }
}
