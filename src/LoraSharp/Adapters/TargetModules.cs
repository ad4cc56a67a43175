using System.Collections;
using System.Runtime.CompilerServices;

namespace LoraSharp;

/// <summary>
/// Which modules an adapter goes to, in PEFT's three forms: a list of names (a name matches a module of exactly that path, or one whose path ends in a dot and the
/// name), a regular expression that must match the whole path, or every linear layer but the output head. A text converts by itself
/// (<c>"all-linear"</c>, or an expression), and so does a collection expression (<c>["q_proj", "v_proj"]</c>).
/// </summary>
[CollectionBuilder(typeof(TargetModules), nameof(Create))]
public sealed class TargetModules : IEnumerable<string>
{
    private const string AllLinearText = "all-linear";
    private readonly string[] _names;

    private TargetModules(string[] names, string? pattern, bool isAllLinear)
    {
        _names = names;
        Pattern = pattern;
        IsAllLinear = isAllLinear;
    }

    /// <summary>Every linear layer except the output head.</summary>
    public static TargetModules AllLinear { get; } = new([], null, true);

    /// <summary>The regular expression, or null.</summary>
    public string? Pattern { get; }

    /// <summary>Whether this means every linear layer.</summary>
    public bool IsAllLinear { get; }

    /// <summary>Whether this is a list of names, which may be empty.</summary>
    public bool IsList => Pattern is null && !IsAllLinear;

    /// <summary>The names of a list; empty for the other forms.</summary>
    public IReadOnlyList<string> Names => _names;

    /// <summary>A list of names or path endings.</summary>
    public static TargetModules Create(ReadOnlySpan<string> names) => new(names.ToArray(), null, false);

    /// <summary>A regular expression for whole module paths.</summary>
    public static TargetModules Regex(string pattern)
    {
        ArgumentException.ThrowIfNullOrEmpty(pattern);
        return new([], pattern, false);
    }

    /// <summary><c>all-linear</c> in any case, else a regular expression.</summary>
    public static TargetModules FromString(string text) =>
        string.Equals(text, AllLinearText, StringComparison.OrdinalIgnoreCase) ? AllLinear : Regex(text);

    /// <summary>As <see cref="FromString"/>.</summary>
    public static implicit operator TargetModules(string text) => FromString(text);

    /// <summary>A list of names.</summary>
    public static implicit operator TargetModules(string[] names) => Create(names);

    /// <inheritdoc/>
    public IEnumerator<string> GetEnumerator() => ((IEnumerable<string>)_names).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public override string ToString() => IsAllLinear ? AllLinearText : Pattern ?? $"[{string.Join(", ", _names)}]";
}
