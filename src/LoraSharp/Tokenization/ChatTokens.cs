namespace LoraSharp;

/// <summary>A rendered and tokenized conversation.</summary>
/// <param name="Ids">The token ids; no special tokens are added to those that the template writes.</param>
/// <param name="AssistantMask">
/// 1 for each token that the template marks as generated (<c>{% generation %}</c>), else 0; null if it was not asked for.
/// </param>
public sealed record ChatTokens(IReadOnlyList<int> Ids, IReadOnlyList<int>? AssistantMask);
