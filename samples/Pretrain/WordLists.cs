using System.Reflection;

namespace LoraSharp.Samples.Pretrain;

/// <summary>One topic of <c>corpus/topics.txt</c>: the phrases from which documents about it are made.</summary>
/// <param name="Title">The heading, for example "Sore throat".</param>
/// <param name="Phrases">Alternatives by kind: name, say, cause, tip, avoid, warn, fact.</param>
internal sealed record Topic(string Title, IReadOnlyDictionary<string, string[]> Phrases)
{
    /// <summary>An illness has a name that somebody can have; other topics are questions about medicines, food and the like.</summary>
    public bool IsIllness => Phrases.ContainsKey("name");

    /// <summary>Whether the reader is a parent who asks for a child.</summary>
    public bool IsAboutChild => Phrases.TryGetValue("who", out var who) && who[0] == "child";

    public string[] this[string kind] => Phrases.TryGetValue(kind, out var phrases) ? phrases : [];
}

/// <summary>One subject of <c>corpus/everyday.txt</c>.</summary>
internal sealed record Subject(string Title, IReadOnlyList<string> Sentences);

/// <summary>The word lists of <c>corpus/</c>, which are embedded in the program.</summary>
internal static class WordLists
{
    public static IReadOnlyList<Topic> Topics { get; } =
        [.. Sections("topics.txt").Select(section => new Topic(section.Title, Fields(section.Lines)))];

    public static IReadOnlyList<Subject> Everyday { get; } =
        [.. Sections("everyday.txt").Select(section => new Subject(section.Title, section.Lines))];

    private static Dictionary<string, string[]> Fields(List<string> lines) => lines
        .Select(line => line.Split(": ", 2))
        .ToDictionary(field => field[0], field => field[1].Split(" | "));

    private static List<(string Title, List<string> Lines)> Sections(string file)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(file)
            ?? throw new InvalidOperationException($"The word list '{file}' is not embedded in the program.");
        using var reader = new StreamReader(stream);
        var sections = new List<(string Title, List<string> Lines)>();
        while (reader.ReadLine() is { } line)
        {
            if (line.Length == 0 || line[0] == '#')
                continue;
            if (line[0] == '[')
                sections.Add((line.Trim('[', ']'), []));
            else
                sections[^1].Lines.Add(line);
        }

        return sections;
    }
}
