using System.Text.RegularExpressions;
using LoraSharp.Tests.Golden;

namespace LoraSharp.Tests.Docs;

/// <summary>README.md shows the code of <see cref="ReadmeSnippets"/>, word for word.</summary>
public partial class ReadmeTests
{
    [Fact]
    public void Snippets_are_those_that_the_tests_run()
    {
        Dictionary<string, string> regions = Regions(File.ReadAllText(Path.Combine(GoldenFolder.RepositoryRoot, "tests", "LoraSharp.Tests", "Docs", "ReadmeSnippets.cs")));
        string readme = File.ReadAllText(Path.Combine(GoldenFolder.RepositoryRoot, "README.md")).ReplaceLineEndings("\n");
        MatchCollection blocks = Block().Matches(readme);
        Assert.NotEmpty(blocks);
        Assert.Equal(Regex.Count(readme, "```csharp"), blocks.Count);
        foreach (Match block in blocks)
        {
            Assert.Equal(regions[block.Groups["name"].Value], block.Groups["code"].Value.Trim());
        }
    }

    private static Dictionary<string, string> Regions(string source) =>
        Region().Matches(source.ReplaceLineEndings("\n")).ToDictionary(m => m.Groups["name"].Value, m => Dedent(m.Groups["code"].Value));

    private static string Dedent(string code)
    {
        string[] lines = code.Split('\n');
        int indent = lines.Where(line => line.Trim().Length > 0).Min(line => line.Length - line.TrimStart().Length);
        return string.Join('\n', lines.Select(line => line.Length >= indent ? line[indent..] : "")).Trim();
    }

    [GeneratedRegex(@"#region (?<name>[\w-]+)\n(?<code>.*?)\n\s*#endregion", RegexOptions.Singleline)]
    private static partial Regex Region();

    [GeneratedRegex(@"<!-- snippet: (?<name>[\w-]+) -->\n```csharp\n(?<code>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
