//! Pictures of a page with 256 colours: a third of the size, and nobody sees it.

use std::collections::HashMap;

/// Returns the same picture with at most 256 colours.
pub(crate) fn smaller(picture: &[u8]) -> Vec<u8> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(picture));
    decoder.set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::ALPHA);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    pixels.truncate(info.buffer_size());

    // A page has few colours and many shades of their edges: the frequent ones stay exactly as they are.
    let mut counts: HashMap<[u8; 4], usize> = HashMap::new();
    for pixel in pixels.as_chunks::<4>().0 {
        *counts.entry(*pixel).or_default() += 1;
    }
    let mut colours: Vec<([u8; 4], usize)> = counts.into_iter().collect();
    colours.sort_by_key(|&(colour, count)| (std::cmp::Reverse(count), colour));
    let (kept, rest) = colours.split_at(colours.len().min(128));
    let mut palette: Vec<[u8; 4]> = kept.iter().map(|(colour, _)| *colour).collect();
    if !rest.is_empty() {
        let shades: Vec<u8> = rest.iter().flat_map(|(colour, _)| *colour).collect();
        let found = color_quant::NeuQuant::new(1, 128, &shades).color_map_rgba();
        palette.extend(found.as_chunks::<4>().0);
    }
    let mut nearest: HashMap<[u8; 4], u8> = HashMap::new();
    let indices: Vec<u8> = pixels
        .as_chunks::<4>()
        .0
        .iter()
        .map(|pixel| *nearest.entry(*pixel).or_insert_with(|| place_of_nearest(&palette, *pixel)))
        .collect();

    let mut written = Vec::new();
    let mut encoder = png::Encoder::new(&mut written, info.width, info.height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    encoder.set_palette(
        palette.iter().flat_map(|[red, green, blue, _]| [*red, *green, *blue]).collect::<Vec<u8>>(),
    );
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&indices).unwrap();
    writer.finish().unwrap();
    written
}

fn place_of_nearest(palette: &[[u8; 4]], pixel: [u8; 4]) -> u8 {
    let distance = |colour: &[u8; 4]| -> u32 {
        colour.iter().zip(pixel).map(|(one, other)| u32::from(one.abs_diff(other)).pow(2)).sum()
    };
    let nearest = palette.iter().enumerate().min_by_key(|(_, colour)| distance(colour));
    nearest.map_or(0, |(place, _)| place as u8)
}
