using System.Security.Cryptography;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>Paragraphs of random filler text for the global lipsum().</summary>
internal static class LoremIpsum
{
    private static readonly string[] Words =
        ("lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua enim ad minim veniam quis "
        + "nostrud exercitation ullamco laboris nisi aliquip ex ea commodo consequat duis aute irure in reprehenderit voluptate velit esse cillum eu fugiat nulla "
        + "pariatur excepteur sint occaecat cupidatat non proident sunt culpa qui officia deserunt mollit anim id est laborum").Split(' ');

    public static string Generate(Renderer renderer, int paragraphs, bool isHtml, int min, int max)
    {
        if (paragraphs > 0 && max <= min)
        {
            throw Errors.Value($"empty range for randrange() ({min}, {max})");
        }

        var text = new TemplateOutput(renderer);
        for (int i = 0; i < paragraphs; i++)
        {
            text.Append(i == 0 ? "" : isHtml ? "\n" : "\n\n");
            text.Append(isHtml ? "<p>" : "");
            WriteParagraph(renderer, text, RandomNumberGenerator.GetInt32(min, max));
            text.Append(isHtml ? "</p>" : "");
        }

        return text.ToString();
    }

    private static void WriteParagraph(Renderer renderer, TemplateOutput text, int count)
    {
        string last = "";
        bool startsSentence = true;
        int sentenceLeft = 0;
        for (int i = 0; i < count; i++)
        {
            renderer.Step();
            string word;
            do
            {
                word = Words[RandomNumberGenerator.GetInt32(Words.Length)];
            }
            while (word == last);
            last = word;
            sentenceLeft = startsSentence ? RandomNumberGenerator.GetInt32(8, 16) : sentenceLeft - 1;
            text.Append((i > 0 ? " " : "") + (startsSentence ? Casing.Capitalize(word) : word));
            startsSentence = sentenceLeft == 1;
            bool hasComma = !startsSentence && i < count - 1 && sentenceLeft % 5 == 0;
            text.Append(startsSentence || i == count - 1 ? "." : hasComma ? "," : "");
        }
    }
}
