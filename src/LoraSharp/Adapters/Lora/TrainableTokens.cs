namespace LoraSharp;

/// <summary>Tokens of which an adapter trains new rows: of the input embedding, or of modules by name.</summary>
public sealed record TrainableTokens
{
    private TrainableTokens(IReadOnlyList<long>? tokens, IReadOnlyList<KeyValuePair<string, IReadOnlyList<long>>> byModule)
    {
        Tokens = tokens;
        ByModule = byModule;
    }

    /// <summary>Tokens of the model's input embedding, or null.</summary>
    public IReadOnlyList<long>? Tokens { get; }

    /// <summary>Tokens by path, or path ending, of an embedding.</summary>
    public IReadOnlyList<KeyValuePair<string, IReadOnlyList<long>>> ByModule { get; }

    /// <summary>Tokens of the model's input embedding.</summary>
    public static TrainableTokens Of(params IReadOnlyList<long> tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        return new(tokens, []);
    }

    /// <summary>Tokens by path, or path ending, of an embedding.</summary>
    public static TrainableTokens Of(IReadOnlyList<KeyValuePair<string, IReadOnlyList<long>>> byModule)
    {
        ArgumentNullException.ThrowIfNull(byModule);
        return new(null, byModule);
    }

    internal void Validate(LoraConfig config)
    {
        foreach (IReadOnlyList<long> tokens in Tokens is null ? ByModule.Select(m => m.Value) : [Tokens])
        {
            if (tokens.Count == 0 || tokens.Any(token => token < 0) || tokens.Distinct().Count() != tokens.Count)
            {
                throw config.Invalid($"trainableTokens is [{string.Join(", ", tokens)}]; give different token ids from 0 on");
            }
        }
    }
}
