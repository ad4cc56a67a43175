namespace LoraSharp;

/// <summary>Settings of the CorDA initialisation.</summary>
public sealed record CordaOptions
{
    /// <summary>Whether the adapter takes the components that matter least for the data, so that what the model knows is kept (kpm), instead of those that matter most (ipm). Default: false.</summary>
    public bool PreserveKnowledge { get; init; }
}
