using System.Text.RegularExpressions;

namespace LoraSharp.Adapters.Injection;

/// <summary>Matches module paths against PEFT's forms of a target, and tells what was probably meant when nothing matches.</summary>
internal sealed class TargetMatcher
{
    private readonly Func<string, bool> _matches;

    private TargetMatcher(Func<string, bool> matches) => _matches = matches;

    /// <summary>For a list or an expression; "all-linear" is resolved by its caller, who knows which modules are linear.</summary>
    public static TargetMatcher Of(TargetModules targets)
    {
        if (targets.Pattern is { } pattern)
        {
            Regex regex = Compile($"^(?:{pattern})$", pattern);
            return new TargetMatcher(regex.IsMatch);
        }

        return new TargetMatcher(path => targets.Names.Any(name => path == name || path.EndsWith("." + name, StringComparison.Ordinal)));
    }

    public bool IsMatch(string path) => _matches(path);

    /// <summary>The value of the first key of a pattern table that matches <c>(.*\.)?(key)$</c> from the path's start.</summary>
    public static T Lookup<T>(IReadOnlyList<KeyValuePair<string, T>> patterns, string path, T defaultValue)
    {
        foreach (var (key, value) in patterns)
        {
            if (Compile($@"^(?:(?:.*\.)?(?:{key})$)", key).IsMatch(path))
            {
                return value;
            }
        }

        return defaultValue;
    }

    /// <summary>The endings of paths that are nearest to what was asked for.</summary>
    public static IReadOnlyList<string> Suggest(TargetModules targets, IEnumerable<string> paths)
    {
        const int Shown = 8;
        string[] candidates = [.. paths.Select(path => path[(path.LastIndexOf('.') + 1)..]).Distinct(StringComparer.Ordinal)];
        string[] wanted = targets.Pattern is { } pattern ? [pattern] : [.. targets.Names];
        return [.. candidates.OrderBy(c => wanted.Length == 0 ? 0 : wanted.Min(w => Distance(c, w[(w.LastIndexOf('.') + 1)..]))).ThenBy(c => c, StringComparer.Ordinal).Take(Shown)];
    }

    /// <summary>A regular expression with a bound on its time; <paramref name="written"/> is what the user wrote.</summary>
    public static Regex Compile(string pattern, string written)
    {
        try
        {
            return new Regex(pattern, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(5));
        }
        catch (ArgumentException e)
        {
            throw new AdapterException($"'{written}' is not a valid regular expression: {e.Message}", e);
        }
    }

    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int above = row[j];
                row[j] = Math.Min(Math.Min(row[j] + 1, row[j - 1] + 1), diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[b.Length];
    }
}
