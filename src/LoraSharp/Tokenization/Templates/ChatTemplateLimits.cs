namespace LoraSharp.Tokenization.Templates;

/// <summary>What one rendering of a chat template may use. Templates come with downloaded models, so they are treated as hostile.</summary>
public sealed record ChatTemplateLimits
{
    /// <summary>The limits used where none are given.</summary>
    public static ChatTemplateLimits Default { get; } = new();

    /// <summary>
    /// Steps of one rendering: an operation, a pass of a loop, an item or four characters of a built value count as one. Default 20 million
    /// (a few seconds); a long conversation needs some thousands.
    /// </summary>
    public long MaxSteps { get; init; } = 20_000_000;

    /// <summary>Depth to which macros, calls, recursive loops and nested syntax may go. Default 400.</summary>
    public int MaxDepth { get; init; } = 400;

    /// <summary>Length of the rendered text, and of any text built on the way, in UTF-16 units. Default 16 Mi.</summary>
    public int MaxOutputLength { get; init; } = 16 * 1024 * 1024;

    /// <summary>Length of a template's source in UTF-16 units. Default 4 Mi.</summary>
    public int MaxSourceLength { get; init; } = 4 * 1024 * 1024;

    internal void Validate()
    {
        Require(MaxSteps, nameof(MaxSteps));
        Require(MaxDepth, nameof(MaxDepth));
        Require(MaxOutputLength, nameof(MaxOutputLength));
        Require(MaxSourceLength, nameof(MaxSourceLength));
    }

    private static void Require(long value, string name)
    {
        if (value < 1)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; it has to be at least 1.");
        }
    }
}
