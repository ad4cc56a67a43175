namespace LoraSharp.Tokenization;

/// <summary>A part of a template: a special token by its name, or (name null) sequence 0 or 1.</summary>
internal sealed record TemplatePiece(string? SpecialToken, int Sequence, int TypeId);

/// <summary>What a special token of a template stands for.</summary>
internal sealed record TemplateToken(IReadOnlyList<int> Ids, IReadOnlyList<string> Tokens);
